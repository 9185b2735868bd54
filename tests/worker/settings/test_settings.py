"""Settings: what is misspelt or does not fit is refused with its name and its mend."""

import os
import re
from pathlib import Path

import pytest
from kafka.cluster import collect_hosts

from worker.errors import UserError
from worker.settings import Settings, load_settings, variable
from worker.settings.listing import changed_settings


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import os

    for name in os.environ:
        if name.startswith("EMOTION_"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


def test_the_environment_wins_over_the_env_file_and_that_over_secrets(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    secrets = tmp_path / "secrets"
    secrets.mkdir()
    for name in ("EMOTION_INPUT_TOPIC", "EMOTION_OUTPUT_TOPIC", "EMOTION_GROUP_ID"):
        (secrets / name).write_text("from-secrets\n")
    Path(".env").write_text("EMOTION_INPUT_TOPIC=from-file\nEMOTION_OUTPUT_TOPIC=from-file\nOTHER=1\n")
    monkeypatch.setenv("EMOTION_SECRETS_DIR", str(secrets))
    monkeypatch.setenv("EMOTION_INPUT_TOPIC", "from-environment")
    settings = load_settings()
    assert (settings.input_topic, settings.output_topic, settings.group_id) == (
        "from-environment",
        "from-file",
        "from-secrets",
    )


@pytest.mark.parametrize("place", ["environment", "env file", "secrets"])
def test_a_misspelt_name_is_refused_and_the_right_one_suggested(
    place: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    if place == "environment":
        monkeypatch.setenv("EMOTION_OUTPUT_TOPC", "x")
    elif place == "env file":
        Path(".env").write_text("EMOTION_OUTPUT_TOPC=x\n")
    else:
        (tmp_path / "EMOTION_OUTPUT_TOPC").write_text("x")
        monkeypatch.setenv("EMOTION_SECRETS_DIR", str(tmp_path))
    with pytest.raises(UserError, match=r"EMOTION_OUTPUT_TOPC: .* did you mean EMOTION_OUTPUT_TOPIC\?"):
        load_settings()


def test_a_window_stays_far_from_the_limits_of_transactions_and_polls() -> None:
    for session_timeout_ms in (6_000, 45_000, 300_000):
        settings = load_settings(
            session_timeout_ms=session_timeout_ms, max_poll_interval_ms=2 * session_timeout_ms + 30_000
        )
        assert settings.longest_window_ms * 2 <= session_timeout_ms
        assert settings.longest_window_ms * 4 < settings.max_poll_interval_ms
    assert load_settings(target_window_ms=60_000).longest_window_ms == 60_000  # who asks for that gets it


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("EMOTION_WORKER_SERVICE_HOST", "10.0.0.1"),
        ("EMOTION_WORKER_SERVICE_PORT_HTTP", "8080"),
        ("EMOTION_WORKER_PORT", "tcp://10.0.0.1:8080"),
        ("EMOTION_WORKER_PORT_8080_TCP_ADDR", "10.0.0.1"),
    ],
)
def test_names_that_kubernetes_injects_are_no_settings(name: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, value)
    load_settings()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("EMOTION_DELIVERY", "maybe_once"),
        ("EMOTION_INPUT_TOPIC", "no spaces please"),
        ("EMOTION_BATCH_TOKENS", "0"),
        ("EMOTION_WINDOW_MAX_RECORDS", "many"),
        ("EMOTION_DEVICE", "gpu"),
        ("EMOTION_TEXT_FIELD", "data..body"),
        ("EMOTION_START_OFFSET", "beginning"),
    ],
)
def test_a_value_that_does_not_fit_is_refused_by_name(name: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(UserError, match=f"^{name}: "):
        load_settings()


@pytest.mark.parametrize(
    ("servers", "words"),
    [
        ("SASL_SSL://kafka:9092", "without a protocol: .* EMOTION_SECURITY_PROTOCOL"),
        ("kafka-1:9092;kafka-2:9092", "commas between"),
        ("kafka-1:9092 kafka-2:9092", "commas between"),
        ("::1:9092", r"brackets around IPv6 addresses: `\[::1\]:9092`"),
        ("kafka", "`host:port`"),
        ("kafka:port", "`host:port`"),
        ("kafka:99999", "`host:port`"),
        ("[::1:9092", "`host:port`"),
        ("me@kafka:9092", "`host:port`"),
        ("kafka:9092,,kafka-2:9092", "`host:port`"),
        ("", "`host:port`"),
    ],
)
def test_servers_are_refused_in_words(servers: str, words: str) -> None:
    with pytest.raises(UserError, match=f"^EMOTION_BOOTSTRAP_SERVERS: must .*{words}"):
        load_settings(bootstrap_servers=servers)


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        *[("id_field", value, "one dot between") for value in ("", "a..b", ".a", "a.")],
        *[("text_field", value, "one dot between") for value in ("", "a..b", "a,", ",a", "a,,b", "a\\")],
        *[("text_field", value, "`comments.0.text`") for value in ("$.a.b", "a[0].b", "a['b']", "a[*].b", "/a/b")],
        *[("text_field", value, "`comments.0.text`") for value in ("a.-1.b", "a.*", "#/a/b", "a->b", '"a"', "a|b")],
        *[("text_field", value, "`comments.0.text`") for value in ("{a}", "a. b", "`a`", "a->>'b'", "a;b")],
        ("id_field", "id_str,id", "`comments.0.text`"),
        ("copy_fields", "a,b..c", "one dot between"),
        *[("only_if", value, "`kind=commit") for value in ("kind", "a=b,c", "=b", "a=b,", "a==b", "a>=5")],
        *[("only_if", value, "`kind=commit") for value in ("a=b;c=d", "a=b && c=d", "a=b|c=d", "a~=b")],
        ("only_if", 'a="b"', "written `b`"),
        ("only_if", "a=True", "written `true`"),
        ("only_if", "a..b=c", "one dot between"),
        ("without_text", "drop", "dead_letter"),
        ("split", "words", "array"),
        ("unavailable_value", "", "at least 1"),
    ],
)
def test_what_is_no_path_and_no_condition_is_refused_in_words(name: str, value: str, words: str) -> None:
    with pytest.raises(UserError, match=f"^EMOTION_{name.upper()}: .*{re.escape(words)}"):
        load_settings(**{name: value})


@pytest.mark.parametrize(
    "path",
    [
        "a.$oid",
        "Comments [en]",
        "a b.c",
        r"a\.b",
        r"\$.a",
        r"a\[0\]",
        "$t",
        "0",
        "_id.$oid, c",
        "a/b",
        "a-b",
        "@t",
        r"\*",
    ],
)
def test_odd_names_are_paths(path: str) -> None:
    load_settings(text_field=path)


def test_a_name_of_a_header_may_hold_a_comma_and_a_copied_field_a_dot() -> None:
    settings = load_settings(drop_headers=r"a\,b, c", copy_fields=r"video\.id,a\,b")
    assert settings.drop_headers == ("a,b", "c")
    assert [str(path) for path in settings.fields.copied] == ["video.id", "a,b"]


def test_what_is_masked_for_review_are_kinds_that_there_are_or_none() -> None:
    assert load_settings().review_mask == ("email", "card", "phone", "mention")
    assert load_settings(review_mask="phone, email").review_mask == ("phone", "email")
    assert load_settings(review_mask="none").review_mask == ()
    with pytest.raises(
        UserError, match=r"^EMOTION_REVIEW_MASK: Input should be 'email', 'card', 'phone' or 'mention'$"
    ):
        load_settings(review_mask="email,name")


def test_a_topic_of_reviews_is_one_of_its_own() -> None:
    with pytest.raises(UserError, match="EMOTION_REVIEW_TOPIC must be different topics"):
        load_settings(review_topic="emotion-labels")


def test_a_value_that_is_no_utf8_is_refused_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(os.environ, "EMOTION_TEXT_FIELD", os.fsdecode(b"t\xe9"))
    with pytest.raises(UserError, match=r"^EMOTION_TEXT_FIELD: is not UTF-8"):
        load_settings()


@pytest.mark.parametrize(
    ("settings", "name"),
    [
        ({"only_if": "a=b"}, "EMOTION_ONLY_IF"),
        ({"split": "array"}, "EMOTION_SPLIT"),
        ({"copy_fields": "a"}, "EMOTION_COPY"),
    ],
)
def test_plain_text_has_no_fields(settings: dict[str, str], name: str) -> None:
    with pytest.raises(UserError, match=f"{name}.* needs EMOTION_INPUT_FORMAT=json"):
        load_settings(input_format="text", **settings)


@pytest.mark.parametrize(
    ("servers", "hosts"),
    [
        ("[::1]:9092", [("::1", 9092)]),
        ("[fe80::1%eth0]:9092", [("fe80::1%eth0", 9092)]),
        (" 10.0.0.1:1 , kafka.example.org.:65535 ", [("10.0.0.1", 1), ("kafka.example.org.", 65535)]),
    ],
)
def test_servers_are_what_the_client_makes_of_them(servers: str, hosts: list[tuple[str, int]]) -> None:
    taken = load_settings(bootstrap_servers=servers).bootstrap_servers
    assert [(host, port) for host, port, _ in collect_hosts(taken, randomize=False)] == hosts


@pytest.mark.parametrize("value", ["\x00", " ", "[", ":", "*", "a b", "a..b", "a*b", "kafka:9092\n"])
def test_no_refusal_shows_a_regular_expression(value: str) -> None:
    """Of any setting: people cannot read them."""
    told = {}
    for name in Settings.model_fields:
        try:
            load_settings(**{name: value})
        except UserError as error:
            told[name] = str(error)
    assert len(told) > 20
    assert [name for name, words in told.items() if re.search(r"pattern|\^|\\|\$", words)] == []


def test_every_problem_is_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EMOTION_DELIVERY", "x")
    monkeypatch.setenv("EMOTION_DTYPE", "x")
    with pytest.raises(UserError) as refusal:
        load_settings()
    assert len(str(refusal.value).splitlines()) == 2


def test_topics_must_differ(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EMOTION_OUTPUT_TOPIC", "text-messages")
    with pytest.raises(UserError, match="must be different topics"):
        load_settings()


def test_every_setting_is_described() -> None:
    undescribed = [variable(name) for name, field in Settings.model_fields.items() if not field.description]
    assert undescribed == []


@pytest.mark.parametrize("score", ["1.5", "-0.1", "high"])
def test_a_threshold_that_no_score_can_be_compared_with_is_refused(monkeypatch: pytest.MonkeyPatch, score: str) -> None:
    monkeypatch.setenv("EMOTION_CONFIDENT_SCORE", score)
    with pytest.raises(UserError, match="EMOTION_CONFIDENT_SCORE: "):
        load_settings()


CERTIFIED = {"ssl_certificate_file": __file__, "ssl_key_file": __file__}
SCRAM = {"sasl_mechanism": "SCRAM-SHA-512", "sasl_username": "me", "sasl_password": "hush"}
OAUTH = {
    "sasl_mechanism": "OAUTHBEARER",
    "oauth_token_url": "https://id.example.org/token",
    "oauth_client_id": "me",
    "oauth_client_secret": "hush",
}


@pytest.mark.parametrize(
    ("given", "protocol"),
    [
        ({}, "PLAINTEXT"),
        ({"ssl_ca_file": __file__}, "SSL"),
        (CERTIFIED, "SSL"),
        (SCRAM, "SASL_SSL"),
        (OAUTH, "SASL_SSL"),
        (SCRAM | CERTIFIED, "SASL_SSL"),
        ({"sasl_mechanism": "AWS_MSK_IAM"}, "SASL_SSL"),
        (SCRAM | {"security_protocol": "SASL_PLAINTEXT"}, "SASL_PLAINTEXT"),
        ({"security_protocol": "SSL"}, "SSL"),
    ],
)
def test_the_protocol_follows_from_what_is_given_and_a_password_never_goes_unencrypted_unasked(
    given: dict[str, object], protocol: str
) -> None:
    assert load_settings(**given).protocol == protocol


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"sasl_mechanism": "PLAIN"}, "needs EMOTION_SASL_USERNAME and EMOTION_SASL_PASSWORD"),
        (SCRAM | {"sasl_password": None}, "SCRAM-SHA-512 needs EMOTION_SASL_PASSWORD"),
        (OAUTH | {"oauth_token_url": None}, "OAUTHBEARER needs EMOTION_OAUTH_TOKEN_URL"),
        (OAUTH | {"sasl_password": "hush"}, "EMOTION_SASL_PASSWORD: does nothing"),
        ({"sasl_password": "hush"}, "EMOTION_SASL_PASSWORD: does nothing with EMOTION_SASL_MECHANISM=.unset"),
        ({"security_protocol": "SASL_SSL"}, "EMOTION_SECURITY_PROTOCOL=SASL_SSL needs EMOTION_SASL_MECHANISM"),
        (OAUTH | {"oauth_extensions": "auth=x"}, "EMOTION_OAUTH_EXTENSIONS: must be `name=value`"),
        (OAUTH | {"oauth_extensions": "logicalCluster"}, "EMOTION_OAUTH_EXTENSIONS: must be `name=value`"),
        (OAUTH | {"oauth_extensions": "pool=a,pool=b"}, "EMOTION_OAUTH_EXTENSIONS: names pool twice"),
        (SCRAM | {"oauth_extensions": "pool=a"}, "EMOTION_OAUTH_EXTENSIONS: does nothing"),
        (SCRAM | {"oauth_scope": "kafka"}, "EMOTION_OAUTH_SCOPE: does nothing"),
        ({"sasl_mechanism": "AWS_MSK_IAM", "sasl_username": "me"}, "EMOTION_SASL_USERNAME: does nothing"),
        (
            {"sasl_mechanism": "AWS_MSK_IAM", "security_protocol": "SASL_PLAINTEXT"},
            "AWS_MSK_IAM needs EMOTION_SECURITY_PROTOCOL=SASL_SSL",
        ),
        (SCRAM | {"security_protocol": "SSL"}, "EMOTION_SASL_MECHANISM does nothing with .*: set SASL_SSL"),
        (CERTIFIED | {"ssl_key_file": None}, "EMOTION_SSL_CERTIFICATE_FILE needs EMOTION_SSL_KEY_FILE"),
        (CERTIFIED | {"ssl_certificate_file": None}, "EMOTION_SSL_KEY_FILE needs EMOTION_SSL_CERTIFICATE_FILE"),
        ({"ssl_key_password": "hush"}, "EMOTION_SSL_KEY_PASSWORD needs EMOTION_SSL_KEY_FILE"),
        (CERTIFIED | {"security_protocol": "PLAINTEXT"}, "EMOTION_SSL_CERTIFICATE_FILE: does nothing with"),
        ({"ssl_ca_file": "/no/such/file"}, "EMOTION_SSL_CA_FILE: "),
        (OAUTH | {"oauth_token_url": "file:///etc/passwd"}, "EMOTION_OAUTH_TOKEN_URL: "),
        (OAUTH | {"oauth_token_url": "https://me:hush@id.example.org/"}, "EMOTION_OAUTH_TOKEN_URL: "),
    ],
)
def test_security_settings_that_do_not_fit_together_are_refused_by_name_and_no_secret_is_shown(
    given: dict[str, object], told: str
) -> None:
    with pytest.raises(UserError, match=told) as refusal:
        load_settings(**given)
    assert "hush" not in str(refusal.value)


def test_a_password_is_read_from_a_file_of_the_secrets_folder_and_never_shown(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "EMOTION_SASL_PASSWORD").write_text("hush\n")
    monkeypatch.setenv("EMOTION_SECRETS_DIR", str(tmp_path))
    settings = load_settings(sasl_mechanism="PLAIN", sasl_username="me")
    assert settings.sasl_password is not None
    assert settings.sasl_password.get_secret_value() == "hush"
    shown = changed_settings(settings)
    assert set(shown) == {"EMOTION_SASL_MECHANISM", "EMOTION_SASL_USERNAME", "EMOTION_SASL_PASSWORD"}
    assert "hush" not in f"{settings!r} {settings} {shown} {settings.model_dump_json()}"


def test_fields_to_be_copied_are_separated_by_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EMOTION_COPY_FIELDS", "author.id, lang")
    assert [str(path) for path in load_settings().fields.copied] == ["author.id", "lang"]
    for wrong in ("a,,b", "a..b"):
        monkeypatch.setenv("EMOTION_COPY_FIELDS", wrong)
        with pytest.raises(UserError, match="EMOTION_COPY_FIELDS"):
            load_settings()


def test_plain_text_has_no_fields_to_copy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EMOTION_COPY_FIELDS", "lang")
    monkeypatch.setenv("EMOTION_INPUT_FORMAT", "text")
    with pytest.raises(UserError, match="EMOTION_COPY_FIELDS needs EMOTION_INPUT_FORMAT=json"):
        load_settings()


REGISTRY = {"schema_registry_url": "https://registry.example.org/apis/ccompat/v7"}


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"schema_registry_url": "registry:8081"}, "EMOTION_SCHEMA_REGISTRY_URL: "),
        ({"schema_registry_url": "https://me:hush@registry.example.org"}, "EMOTION_SCHEMA_REGISTRY_URL: "),
        (REGISTRY | {"schema_registry_username": "me"}, "EMOTION_SCHEMA_REGISTRY_PASSWORD is missing"),
        (REGISTRY | {"schema_registry_password": "hush"}, "EMOTION_SCHEMA_REGISTRY_USERNAME is missing"),
        ({"schema_registry_password": "hush"}, "does nothing without EMOTION_SCHEMA_REGISTRY_URL"),
        ({"schema_registry_register": False}, "EMOTION_SCHEMA_REGISTRY_REGISTER: does nothing without"),
        (REGISTRY | {"schema_registry_ca_file": "/no/such/file"}, "EMOTION_SCHEMA_REGISTRY_CA_FILE: "),
        (
            {"schema_registry_url": "http://registry:8081", "schema_registry_ca_file": __file__},
            "EMOTION_SCHEMA_REGISTRY_CA_FILE: does nothing with",
        ),
        (REGISTRY | {"cloudevents_source": "//here"}, "EMOTION_CLOUDEVENTS_SOURCE and EMOTION_SCHEMA_REGISTRY_URL"),
        ({"output_format": "avro"}, "EMOTION_OUTPUT_FORMAT=avro needs EMOTION_SCHEMA_REGISTRY_URL"),
        ({"output_format": "json_schema"}, "EMOTION_OUTPUT_FORMAT=json_schema needs EMOTION_SCHEMA_REGISTRY_URL"),
        ({"input_format": "avro"}, "EMOTION_INPUT_FORMAT=avro needs EMOTION_SCHEMA_REGISTRY_URL"),
        (
            REGISTRY | {"input_format": "avro", "split": "lines"},
            "EMOTION_SPLIT needs EMOTION_INPUT_FORMAT=json or text",
        ),
    ],
)
def test_registry_settings_that_do_not_fit_together_are_refused_by_name_and_no_secret_is_shown(
    given: dict[str, object], told: str
) -> None:
    with pytest.raises(UserError, match=told) as refusal:
        load_settings(**given)
    assert "hush" not in str(refusal.value)


@pytest.mark.parametrize(
    ("given", "label_format"),
    [
        ({}, "json"),
        (REGISTRY, "json_schema"),
        (REGISTRY | {"output_format": "avro"}, "avro"),
        (REGISTRY | {"output_format": "json", "cloudevents_source": "//here"}, "json"),
    ],
)
def test_labels_have_the_format_of_the_registry_where_one_is_set_and_no_other_is_named(
    given: dict[str, object], label_format: str
) -> None:
    assert load_settings(**given).label_format == label_format


def test_every_setting_is_used() -> None:
    root = Path(__file__).parents[3] / "worker"
    code = "".join(path.read_text() for path in root.rglob("*.py") if path.parent.name != "settings")
    code += "".join((root / "settings" / name).read_text() for name in ("all_settings.py", "security.py"))
    assert [name for name in Settings.model_fields if not re.search(rf"\b(_?settings|self)\.{name}\b", code)] == []


@pytest.mark.parametrize("share", ["90", "90-", "-5-10", "50-50", "90-10", "0-101", "a-b", "0.5-nan", "5-10-15"])
def test_a_share_of_keys_is_two_numbers_the_smaller_first(share: str) -> None:
    with pytest.raises(UserError, match=r"^EMOTION_KEY_SHARE: must be two numbers from 0 to 100, the smaller first"):
        load_settings(key_share=share)


def test_two_shares_meet_in_the_same_number() -> None:
    low = load_settings(key_share="0-94.7", group_id="canary").key_range
    high = load_settings(key_share="94.7-100").key_range
    assert (low[0], low[1], high[1]) == (0, high[0], 1)
    assert load_settings().key_range == load_settings(key_share="0-100").key_range == (0, 1)


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({"key_share": "0-90", "canary_model": "bundled"}, "EMOTION_CANARY_MODEL and EMOTION_KEY_SHARE exclude"),
        ({"key_share": "0-90", "delivery": "at_least_once"}, "EMOTION_KEY_SHARE needs EMOTION_DELIVERY=exactly_once"),
        ({"key_share": "0-5"}, "EMOTION_KEY_SHARE=0-5 needs an EMOTION_GROUP_ID of its own"),
        ({"key_share": "5-10"}, "EMOTION_KEY_SHARE=5-10 needs an EMOTION_GROUP_ID of its own"),
    ],
)
def test_a_share_of_keys_that_would_lose_texts_or_make_no_sense_is_refused(
    settings: dict[str, object], problem: str
) -> None:
    with pytest.raises(UserError, match=problem):
        load_settings(**settings)


def test_what_belongs_to_a_canary_may_stay_when_it_is_rolled_back() -> None:
    settings = load_settings(canary_percent=50, canary_model_revision="main", canary_confident_score=0.5)
    assert settings.canary_model is None
