"""A session of onnxruntime: one thread, no file, no log, and no more memory than is allowed."""

from __future__ import annotations

import os
import re
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from .errors import FEATURE_NOT_SUPPORTED, Refusal

if TYPE_CHECKING:
    from collections.abc import Iterator

_FATAL = 4
_MOST_OF_A_MESSAGE = 300
_MEGABYTE = 2**20
# What it puts before what it says: numbers of errors, and places in its source.
_CODES = re.compile(r"^.*\[ONNXRuntimeError\] : \d+ : \w+ : ")
_WHERE = re.compile(r"^/\S+:\d+ .*?\)(?: const)? ")


class Session:
    """A graph that onnxruntime has loaded.

    Attributes:
        inputs: the graph's, as onnxruntime describes them.
        outputs: likewise.
    """

    def __init__(self, content: bytes, megabytes: int | None) -> None:
        """Loads a graph that `onnx_outline.outline` has accepted.

        Raises:
            Refusal: onnxruntime is not installed, or does not take it.
        """
        self._bytes = None if megabytes is None else megabytes * _MEGABYTE
        runtime = _onnxruntime()
        options = runtime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.execution_mode = runtime.ExecutionMode.ORT_SEQUENTIAL
        options.enable_profiling = False
        options.log_severity_level = _FATAL
        # Memory of a call goes back when it ends: a backend may be idle for days.
        options.enable_cpu_mem_arena = options.enable_mem_pattern = False
        options.add_session_config_entry("session.load_model_format", "ONNX")
        self._options = runtime.RunOptions()
        self._options.log_severity_level = _FATAL
        try:
            with self._bounded():
                self._session = runtime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
        except Exception as error:
            raise Refusal(
                FEATURE_NOT_SUPPORTED,
                f"onnxruntime {runtime.__version__} does not take the graph: {self._message(error)}",
                "Export it for this onnxruntime, or install a newer one.",
            ) from None
        self.inputs: list[Any] = self._session.get_inputs()
        self.outputs: list[Any] = self._session.get_outputs()

    def run(self, outputs: list[str], fed: dict[str, Any]) -> list[Any]:
        """What the graph gives of whole arrays.

        Raises:
            ValueError: it refuses a row, or needs more memory than it may take.
        """
        try:
            with self._bounded():
                found: list[Any] = self._session.run(outputs, fed, self._options)
        except Exception as error:
            raise ValueError(self._message(error)) from None
        return found

    def _message(self, error: Exception) -> str:
        """What onnxruntime says, without where in its source."""
        text = str(error).strip()
        if isinstance(error, MemoryError) or "bad_alloc" in text or "Failed to allocate memory" in text:
            allowed = "" if self._bytes is None else f", and it may take {self._bytes // _MEGABYTE} MB"
            return f"the graph needs more memory{allowed}"
        text = text.rpartition("Status Message: ")[2].partition("\n")[0]
        text = _WHERE.sub("", _CODES.sub("", text))
        return text[:_MOST_OF_A_MESSAGE] or type(error).__name__

    @contextmanager
    def _bounded(self) -> Iterator[None]:
        """Nothing in it gets more memory than is allowed beside what the process has: what asks for more is told no."""
        if self._bytes is None:
            yield
            return
        # Of Unix alone, as are servers; publishers need no bounds.
        import resource

        size = _size_of_process()
        if size is None:
            yield
            return
        soft, hard = resource.getrlimit(resource.RLIMIT_AS)
        allowed = size + self._bytes
        if soft != resource.RLIM_INFINITY:
            allowed = min(allowed, soft)
        resource.setrlimit(resource.RLIMIT_AS, (allowed, hard))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


def _size_of_process() -> int | None:
    """The address space that this process has; None where the system does not say."""
    try:
        with open("/proc/self/statm", "rb") as file:
            return int(file.read().split()[0]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, IndexError):
        return None


def _onnxruntime() -> Any:  # noqa: ANN401
    # It would take settings from the file.
    os.environ.pop("ORT_LOAD_CONFIG_FROM_MODEL", None)
    try:
        import onnxruntime
    except ImportError as error:
        raise Refusal(
            FEATURE_NOT_SUPPORTED,
            f"this Python has no onnxruntime, which evaluates the graph ({error})",
            "Install docker/requirements-onnx.txt with --no-deps.",
        ) from None
    onnxruntime.set_default_logger_severity(_FATAL)
    return onnxruntime
