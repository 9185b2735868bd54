"""A broker with TLS, SASL and ACLs beside the open listener: everything is forbidden that was not granted.

The open listener belongs to the tests themselves, who are a super user there; the worker comes in by the others.
"""

import datetime
from collections.abc import Iterable
from pathlib import Path
from typing import Self

import trustme
from confluent_kafka.admin import (
    AclBinding,
    AclBindingFilter,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ResourcePatternType,
    ResourceType,
    ScramCredentialInfo,
    ScramMechanism,
    UserScramCredentialDeletion,
    UserScramCredentialUpsertion,
)
from cryptography.hazmat.primitives import serialization

from tests.harness.apache_kafka import ApacheKafka

PASSWORD = "correct-horse-battery"  # noqa: S105
KEY_PASSWORD = "key-to-the-key"  # noqa: S105
PLAIN_USER = "plain-user"
REAUTHENTICATION_MS = 3_000  # only for SCRAM-SHA-256, which only the test of a revoked password uses
_SERIALIZER = "org.apache.kafka.common.security"

# By name: the protocol, and which certificate the broker shows there.
_LISTENERS = {
    "SASL": ("SASL_SSL", "server"),
    "MUTUAL": ("SSL", "server"),
    "EXPIRED": ("SSL", "expired-server"),
    "MISNAMED": ("SSL", "misnamed-server"),
    "OPENSASL": ("SASL_PLAINTEXT", None),
}


class Certificates:
    """PEM files in one folder; the name of each says whose it is and what is wrong with it."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self.folder = folder
        ours, foreign = trustme.CA(), trustme.CA()
        past = datetime.datetime(2021, 1, 1, tzinfo=datetime.UTC)
        ours.cert_pem.write_to_path(self.path("ca.pem"))
        foreign.cert_pem.write_to_path(self.path("foreign-ca.pem"))
        self._write("server", ours.issue_cert("127.0.0.1", "localhost"))
        self._write("expired-server", ours.issue_cert("127.0.0.1", not_before=past, not_after=past))
        self._write("misnamed-server", ours.issue_cert("kafka.example.org"))
        self._write("client", ours.issue_cert("client@example.org", common_name="mutual-user"))
        self._write("expired-client", ours.issue_cert("client@example.org", not_before=past, not_after=past))
        self._write("foreign-client", foreign.issue_cert("client@example.org", common_name="mutual-user"))

    def path(self, name: str) -> Path:
        return self.folder / name

    def _write(self, name: str, issued: trustme.LeafCert) -> None:
        key = serialization.load_pem_private_key(issued.private_key_pem.bytes(), None)
        plain = _pem(key, serialization.NoEncryption())
        chain = b"".join(blob.bytes() for blob in issued.cert_chain_pems)
        self.path(f"{name}.pem").write_bytes(chain)
        self.path(f"{name}.key").write_bytes(plain)
        self.path(f"{name}.locked.key").write_bytes(
            _pem(key, serialization.BestAvailableEncryption(KEY_PASSWORD.encode()))
        )
        self.path(f"{name}.keystore").write_bytes(plain + chain)


class SecuredKafka:
    """One secured broker. Use it in a `with` block."""

    def __init__(self, jars: Path, folder: Path) -> None:
        self.certificates = Certificates(folder / "certificates")
        protocols = {name: protocol for name, (protocol, _) in _LISTENERS.items()}
        self.cluster = ApacheKafka(jars, folder / "broker", properties=self._properties(), listeners=protocols)

    @property
    def open_servers(self) -> str:
        """Where the tests look on, as a super user."""
        return self.cluster.bootstrap_servers

    def servers(self, listener: str) -> str:
        return f"127.0.0.1:{self.cluster.nodes[0].more_ports[listener]}"

    def set_password(self, user: str, mechanism: str, password: str = PASSWORD) -> None:
        """Give a user a SCRAM password."""
        info = ScramCredentialInfo(ScramMechanism[mechanism.replace("-", "_")], 4096)
        change = UserScramCredentialUpsertion(user, info, password.encode())
        self._admin.alter_user_scram_credentials([change])[user].result(30)

    def revoke_password(self, user: str, mechanism: str) -> None:
        change = UserScramCredentialDeletion(user, ScramMechanism[mechanism.replace("-", "_")])
        self._admin.alter_user_scram_credentials([change])[user].result(30)

    def grant(self, user: str, kind: ResourceType, name: str, operations: Iterable[str]) -> None:
        """Allow a user some operations on what has this name, or, for a name that ends with `*`, begins with it."""
        for future in self._admin.create_acls([_acl(user, kind, name, operation) for operation in operations]).values():
            future.result(30)

    def revoke(self, user: str, kind: ResourceType, name: str, operation: str) -> None:
        """Take one grant back."""
        acl = _acl(user, kind, name, operation)
        wanted = AclBindingFilter(
            acl.restype,
            acl.name,
            acl.resource_pattern_type,
            acl.principal,
            acl.host,
            acl.operation,
            acl.permission_type,
        )
        for future in self._admin.delete_acls([wanted]).values():
            future.result(30)

    def __enter__(self) -> Self:
        self.cluster.start()
        self._admin = AdminClient({"bootstrap.servers": self.open_servers})
        return self

    def __exit__(self, *_: object) -> None:
        del self._admin  # it has no `close`, and would ask for the broker for ever
        self.cluster.close()

    def _properties(self) -> dict[str, str]:
        scram = f"{_SERIALIZER}.scram.ScramLoginModule required;"
        plain = f'{_SERIALIZER}.plain.PlainLoginModule required user_{PLAIN_USER}="{PASSWORD}";'
        oauth = f"{_SERIALIZER}.oauthbearer.OAuthBearerLoginModule required unsecuredLoginStringClaim_sub=broker;"
        properties = {
            "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
            "super.users": "User:ANONYMOUS",
            "listener.name.mutual.ssl.client.auth": "required",
            "listener.name.mutual.ssl.principal.mapping.rules": "RULE:^.*CN=([^,]+).*$/$1/",
            "listener.name.sasl.scram-sha-256.connections.max.reauth.ms": str(REAUTHENTICATION_MS),
        }
        for listener in ("sasl", "opensasl"):
            prefix = f"listener.name.{listener}"
            properties |= {
                f"{prefix}.sasl.enabled.mechanisms": "SCRAM-SHA-256,SCRAM-SHA-512,PLAIN,OAUTHBEARER",
                f"{prefix}.scram-sha-256.sasl.jaas.config": scram,
                f"{prefix}.scram-sha-512.sasl.jaas.config": scram,
                f"{prefix}.plain.sasl.jaas.config": plain,
                f"{prefix}.oauthbearer.sasl.jaas.config": oauth,
            }
        for name, (_, certificate) in _LISTENERS.items():
            if certificate:
                prefix = f"listener.name.{name.lower()}.ssl"
                properties |= {
                    f"{prefix}.keystore.type": "PEM",
                    f"{prefix}.keystore.location": str(self.certificates.path(f"{certificate}.keystore")),
                    f"{prefix}.truststore.type": "PEM",
                    f"{prefix}.truststore.location": str(self.certificates.path("ca.pem")),
                }
        return properties


def _pem(key: object, encryption: serialization.KeySerializationEncryption) -> bytes:
    pem: bytes = key.private_bytes(  # type: ignore[attr-defined]
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption
    )
    return pem


def _acl(user: str, kind: ResourceType, name: str, operation: str) -> AclBinding:
    pattern = ResourcePatternType.PREFIXED if name.endswith("*") else ResourcePatternType.LITERAL
    return AclBinding(
        kind,
        name.removesuffix("*"),
        pattern,
        f"User:{user}",
        "*",
        AclOperation[operation],
        AclPermissionType.ALLOW,
    )
