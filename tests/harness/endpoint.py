"""The HTTP endpoint of a worker, asked as probes and Prometheus ask it."""

import http.client

import orjson
from prometheus_client.parser import text_string_to_metric_families

from tests.harness.ports import free_port

Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


class Endpoint:
    """The HTTP endpoint of a worker."""

    def __init__(self) -> None:
        self.port = free_port()

    def get(self, path: str) -> tuple[int, bytes]:
        """Status and body; status 0 while nobody listens."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read()
        except OSError:
            return 0, b""
        finally:
            connection.close()

    def is_ready(self) -> bool:
        return self.get("/readyz")[0] == 200

    def missing(self) -> str:
        """What /readyz misses, empty if nothing or if nobody listens."""
        status, body = self.get("/readyz")
        return " ".join(orjson.loads(body)["missing"]) if status == 503 else ""

    def scrape(self) -> Samples:
        families = text_string_to_metric_families(self.get("/metrics")[1].decode())
        return {
            (sample.name, frozenset(sample.labels.items())): sample.value
            for family in families
            for sample in family.samples
        }

    def value(self, name: str, **labels: str) -> float:
        """The sum over all series of this name that have these labels."""
        wanted = set(labels.items())
        return sum(value for (found, has), value in self.scrape().items() if found == name and wanted <= has)
