"""A session of onnxruntime: one thread, no file, no log, and no more memory than is allowed."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Any

from .errors import FEATURE_NOT_SUPPORTED, Refusal
from .onnx_watch import watch, without_signals

if TYPE_CHECKING:
    from collections.abc import Callable

_FATAL = 4
# What computes nodes of constants while a graph is loaded, all of them before it looks whether it is to stop.
_COMPUTE = ["ConstantFolding", "ConstantFoldingDQ"]
_MOST_OF_A_MESSAGE = 300
_MEGABYTE = 2**20
_PAGE = os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 0
_sizes: dict[str, int] = {}
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
        limits = self._begin(lambda: options.set_load_cancellation_flag(True))
        try:
            self._session = runtime.InferenceSession(
                content, options, providers=["CPUExecutionProvider"], disabled_optimizers=_COMPUTE
            )
        except Exception as error:
            self._check_interrupted()
            raise Refusal(
                FEATURE_NOT_SUPPORTED,
                f"onnxruntime {runtime.__version__} does not take the graph: {self._message(error)}",
                "Export it for this onnxruntime, or install a newer one.",
            ) from None
        finally:
            self._stop(limits)
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
        limits = self._begin(lambda: setattr(options, "terminate", True))
        try:
            found: list[Any] = self._session.run(outputs, fed, options)
        except Exception as error:
            self._check_interrupted()
            raise ValueError(self._message(error)) from None
        finally:
            self._stop(limits)
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

    def _begin(self, end: Callable[[], None]) -> tuple[int, int] | None:
        """From now on nothing gets more memory than is allowed beside what there is, or goes on when it is to end.

        Returns:
            The limits that the process has had; None where it has none of ours.
        """
        if self._watch is not None:
            self._watch.begin(end)
        if self._bytes is None or (size := _size_of_process()) is None:
            return None
        # Of Unix alone, as are servers.
        import resource

        soft, hard = resource.getrlimit(resource.RLIMIT_AS)
        allowed = size + self._bytes
        resource.setrlimit(resource.RLIMIT_AS, (allowed if soft < 0 else min(allowed, soft), hard))
        return soft, hard

    def _stop(self, limits: tuple[int, int] | None) -> None:
        if limits is not None:
            import resource

            resource.setrlimit(resource.RLIMIT_AS, limits)
        if self._watch is not None:
            self._watch.stop()


def _size_of_process() -> int | None:
    """The address space that this process has; None where the system does not say."""
    # Kept open, by the process that opened it: what it says is that one's.
    if _sizes.get("process") != os.getpid():
        try:
            _sizes["file"] = os.open("/proc/self/statm", os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            return None
        _sizes["process"] = os.getpid()
    return int(os.pread(_sizes["file"], 64, 0).split()[0]) * _PAGE


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
