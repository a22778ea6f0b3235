"""The ClickHouse engine inside this process, opened so that its Kafka tables live.

Importing ``chdb`` opens and closes an engine, and closing the first engine of a process shuts its streaming
registry for good: every Kafka table then fails with "Shutdown was called" (DESIGN, end of section 5). So the
extension module is loaded by hand, *our* data path is opened first and kept open, and only then is ``chdb``
imported, its own opening and closing landing on our path. One process owns one data path.
"""

import ctypes
import importlib
import importlib.machinery
import importlib.util
import os
import sys
import uuid
from pathlib import Path
from types import ModuleType
from typing import Any
from xml.sax.saxutils import escape

_CONFIG = """<clickhouse>
  <!-- one thread for each Kafka table, and one to spare -->
  <background_message_broker_schedule_pool_size>5</background_message_broker_schedule_pool_size>
  <kafka>
    <statistics_interval_ms>1000</statistics_interval_ms>
    <auto_offset_reset>earliest</auto_offset_reset>
    <isolation_level>read_committed</isolation_level>
    <topic_metadata_refresh_interval_ms>10000</topic_metadata_refresh_interval_ms>
    <fetch_min_bytes>1000000</fetch_min_bytes>
    <fetch_wait_max_ms>100</fetch_wait_max_ms>
    <reconnect_backoff_max_ms>1000</reconnect_backoff_max_ms>
    <!-- a static member that comes back after a kill takes its partitions at once, not after a session
    timeout --> <group_instance_id>{store_id}</group_instance_id> </kafka> <macros>
    <kafka_brokers>{brokers}</kafka_brokers> <store_id>{store_id}</store_id> </macros> </clickhouse>
"""


class EngineError(RuntimeError):
    """The embedded engine cannot be opened; the message says why and what to do."""


def store_id(path: Path) -> str:
    """The identity of the data under ``path``, made when the folder is.

    It is part of the Kafka consumer groups' names, so a folder that was lost and made anew reads every topic
    from its first offset, instead of going on where the lost one stopped.
    """
    file = path / "store_id"
    if not file.exists():
        path.mkdir(parents=True, exist_ok=True)
        draft = file.with_suffix(".new")
        draft.write_text(uuid.uuid4().hex[:12])
        draft.replace(file)
    return file.read_text().strip()


def open_engine(path: Path, *, brokers: str) -> tuple[str, dict[str, str]]:
    """Open the engine on ``path`` and keep it open until the process ends.

    Returns the data path and the connection options that every further client of this process must give.

    Raises:
        EngineError: ``chdb`` was imported before, so the engine's Kafka tables are already dead.
    """
    if "chdb" in sys.modules:
        raise EngineError(
            "chdb was imported before the engine was opened; open the store first (DESIGN section 5)"
        )
    path = path.resolve()
    config = path / "config.xml"
    identity = store_id(path)
    config.write_text(_CONFIG.format(brokers=escape(brokers), store_id=identity))
    data = str(path / "data")
    module: Any = _load_extension()
    connection = f"{data}?config-file={config}"
    real_connect = module.connect
    _KEPT_OPEN.append(real_connect(connection))
    sys.modules["chdb._chdb"] = module
    module.connect = lambda *_: real_connect(connection)
    try:
        importlib.import_module("chdb")
    finally:
        module.connect = real_connect
    return data, {"config-file": str(config)}


_KEPT_OPEN: list[Any] = []


def _load_extension() -> ModuleType:
    spec = importlib.util.find_spec("chdb")
    if spec is None or spec.origin is None:
        raise EngineError("the package chdb is not installed; run `make venv`")
    library = str(Path(spec.origin).with_name("_chdb.abi3.so"))
    # chdb's own first step: its symbols must not be resolved to those of other extensions of the process
    ctypes.CDLL(library, mode=os.RTLD_NOW | os.RTLD_DEEPBIND)
    loader = importlib.machinery.ExtensionFileLoader("_chdb", library)
    found = importlib.util.spec_from_file_location("_chdb", library, loader=loader)
    if found is None:
        raise EngineError(f"{library} cannot be loaded as a Python extension")
    module = importlib.util.module_from_spec(found)
    loader.exec_module(module)
    return module
