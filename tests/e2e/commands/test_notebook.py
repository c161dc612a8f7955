"""The example notebook, run as a person runs it: a kernel, a real PostgreSQL, a relay in between."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import nbformat
import psycopg
import pytest
from nbclient import NotebookClient

from tests.e2e.commands.conftest import Site
from tests.e2e.commands.machines import free_port

pytestmark = pytest.mark.e2e

NOTEBOOK = Path(__file__).resolve().parents[3] / "docs" / "examples" / "postgresql.ipynb"


@dataclass(frozen=True, slots=True)
class Postgres:
    """A cluster of this test's own, that trusts this machine."""

    port: int
    server: subprocess.Popen[str]


@pytest.fixture
def postgres() -> Iterator[Postgres]:
    binaries = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    if not binaries:
        pytest.skip("not installed: postgresql")
    as_user: list[str] = []
    # Its sockets have names of at most 107 bytes, and root may not run it: a short place of its user's.
    directory = Path(tempfile.mkdtemp(prefix="tw-pg-"))
    if os.geteuid() == 0:
        if shutil.which("runuser") is None:
            pytest.skip("not installed: runuser")
        as_user = ["runuser", "-u", "postgres", "--"]
        shutil.chown(directory, "postgres", "postgres")
    data, port = directory / "data", free_port()
    initdb = [*as_user, str(binaries[-1] / "initdb"), "-D", str(data), "-A", "trust", "-U", "postgres", "-N"]
    options = ("-c", "listen_addresses=127.0.0.1", "-c", "fsync=off")
    command = [*as_user, str(binaries[-1] / "postgres"), "-D", str(data), "-p", str(port)]
    try:
        subprocess.run(initdb, check=True, capture_output=True, cwd=directory, timeout=60)
        with subprocess.Popen(
            [*command, "-k", str(directory), *options], stderr=subprocess.PIPE, text=True, cwd=directory
        ) as server:
            try:
                assert server.stderr is not None
                said = []
                for line in server.stderr:
                    said.append(line)
                    if "ready to accept connections" in line:
                        break
                else:
                    pytest.fail("".join(said))
                yield Postgres(port, server)
            finally:
                pid = int((data / "postmaster.pid").read_text().split()[0])
                os.kill(pid, signal.SIGINT)  # which waits for no client; and runuser would not hand it on
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def _outputs(notebook: nbformat.NotebookNode) -> dict[str, str]:
    """What each cell of code printed and gave, by the cell's id."""
    return {
        cell.id: "".join(
            output.text if output.output_type == "stream" else output.data["text/plain"]
            for output in cell.outputs
        )
        for cell in notebook.cells
        if cell.cell_type == "code"
    }


def test_the_example_queries_a_database_through_the_tunnel(
    site: Site, postgres: Postgres, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with psycopg.connect(host="127.0.0.1", port=postgres.port, user="postgres", dbname="postgres") as own:
        own.execute("create table orders as select n from generate_series(1, 1234) as n")
    site.serve()
    shutil.copy(site.add_user("alice", f"5432:{postgres.port}"), tmp_path / "alice-tw-config.zip")
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    for name, value in site.client.environment(
        TMPDIR=str(temporary), IPYTHONDIR=str(tmp_path / "ipython"), JUPYTER_PLATFORM_DIRS="1"
    ).items():
        monkeypatch.setenv(name, value)

    notebook = nbformat.read(NOTEBOOK, as_version=4)  # type: ignore[no-untyped-call]
    assert not any(_outputs(notebook).values())  # nobody's results are in the repository
    client = NotebookClient(
        notebook, timeout=60, kernel_name="python3", resources={"metadata": {"path": str(tmp_path)}}
    )
    client.execute()

    told = _outputs(notebook)
    local = int(told["port"])
    assert told["connect"] == f"<Connection, connected, ports {{'127.0.0.1:{postgres.port}': {local}}}>"
    assert told["tables"] == "orders: 1234 rows\n"
    assert told["rows"].startswith("(50000, (50000, '")
    assert told["told"] == "connected None None\n"
    assert not list(temporary.glob("tw-*"))
    assert not site.client.directory.exists()
