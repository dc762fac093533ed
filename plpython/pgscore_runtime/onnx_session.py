"""A session of onnxruntime: one thread, no file, no log, and no more memory than is allowed."""

from __future__ import annotations

import os
import re
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, Any

from .errors import FEATURE_NOT_SUPPORTED, Refusal
from .onnx_watch import watch, without_signals

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

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

        Args:
            content: the file.
            megabytes: how much memory to load or run it may take, in a backend; None: as much as there is.

        Raises:
            Refusal: onnxruntime is not installed, or does not take it.
            InterruptedError: the database wants the statement to end.
        """
        self._bytes = None if megabytes is None else megabytes * _MEGABYTE
        self._runtime = runtime = _onnxruntime()
        self._watch = watch()
        options = runtime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.execution_mode = runtime.ExecutionMode.ORT_SEQUENTIAL
        options.enable_profiling = False
        options.log_severity_level = _FATAL
        # Memory of a call goes back when it ends: a backend may be idle for days.
        options.enable_cpu_mem_arena = options.enable_mem_pattern = False
        options.add_session_config_entry("session.load_model_format", "ONNX")
        try:
            with self._bounded(lambda: options.set_load_cancellation_flag(True)):
                self._session = runtime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
        except Exception as error:
            self._check_interrupted()
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
            InterruptedError: the database wants the statement to end.
        """
        options = self._runtime.RunOptions()
        options.log_severity_level = _FATAL
        try:
            with self._bounded(lambda: setattr(options, "terminate", True)):
                found: list[Any] = self._session.run(outputs, fed, options)
        except Exception as error:
            self._check_interrupted()
            raise ValueError(self._message(error)) from None
        return found

    def _check_interrupted(self) -> None:
        if self._watch is not None and self._watch.is_over:
            raise InterruptedError("the statement is to end") from None

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
    def _bounded(self, end: Callable[[], None]) -> Iterator[None]:
        """Nothing in it gets more memory than is allowed beside what the process has, or goes on when it is to end."""
        with nullcontext() if self._watch is None else self._watch.over(end):
            if self._bytes is None or (size := _size_of_process()) is None:
                yield
                return
            # Of Unix alone, as are servers.
            import resource

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
    # It would take settings from the file; and from 1.29 on it tells its maker of each graph it loads, from a thread.
    os.environ.pop("ORT_LOAD_CONFIG_FROM_MODEL", None)
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"
    try:
        with without_signals():
            import onnxruntime
    except ImportError as error:
        raise Refusal(
            FEATURE_NOT_SUPPORTED,
            f"this Python has no onnxruntime, which evaluates the graph ({error})",
            "Install docker/requirements-onnx.txt with --no-deps.",
        ) from None
    onnxruntime.disable_telemetry_events()
    onnxruntime.set_default_logger_severity(_FATAL)
    return onnxruntime
