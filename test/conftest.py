# SPDX-License-Identifier: MIT
"""The network of test/lab, for test/lab and test/http."""
import pathlib
import shutil
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent / "lab"))
import lab as laboratory  # noqa: E402


@pytest.fixture(scope="session")
def wires(tmp_path_factory):
    try:
        laboratory.enter_namespaces()
    except OSError as error:
        pytest.skip(f"neither root nor user namespaces: {error}")
    # In the /run of our own: other users, whom the worker becomes, may pass through, and it vanishes by itself.
    network = laboratory.Lab("/run/lab")
    try:
        network.start_web_servers()
        yield network
    finally:
        network.close()
        kept = tmp_path_factory.mktemp("lab")
        for path in [*network.folder.glob("*.log"), *network.folder.glob("*.conf")]:
            shutil.copy(path, kept)


@pytest.fixture
def lab(wires):
    """The network, with nothing running on the nodes, before and after."""
    if not wires.is_clean():            # after a fixture that lasts longer than a test
        wires.clean()
    for name in ("web01", "web02"):
        wires.health(name, True)
    try:
        yield wires
    finally:
        wires.clean()


@pytest.fixture
def pair(lab):
    """pair(conf) starts tandem on both nodes and returns them when lb01 is master."""
    def start(conf, master="lb01", arguments=()):
        nodes = [laboratory.Tandem(lab, name, conf, arguments).start() for name in ("lb01", "lb02")]
        nodes[0 if master == "lb01" else 1].wait_master()
        return nodes
    return start
