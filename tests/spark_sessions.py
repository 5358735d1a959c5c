"""Spark for tests: on two cores of this machine, where Java and pyspark are there."""

from __future__ import annotations

import importlib.util
import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from riskflags.batch import spark_store

if TYPE_CHECKING:
    from collections.abc import Iterator

    from riskflags.batch import SparkStore

MASTER = "local[2]"


def obstacle() -> str:
    """Return why there is no Spark here; empty where there is one."""
    if importlib.util.find_spec("pyspark") is None:
        return "pyspark is not installed: it is of the extra `spark`, not of `test`"
    java_home = os.environ.get("JAVA_HOME")
    if shutil.which("java") is None and not (java_home and (Path(java_home) / "bin" / "java").exists()):
        return "there is no Java, which Spark needs"
    return ""


needs_spark = pytest.mark.skipif(bool(obstacle()), reason=obstacle() or "there is Spark")


def store() -> Iterator[SparkStore]:
    """Yield a store on Spark; skips the test where there can be none."""
    if reason := obstacle():
        pytest.skip(reason)
    with spark_store(MASTER) as made:
        yield made
