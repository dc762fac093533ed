"""Writers: from a program to a file of another tool."""

from .dispatch import export_model
from .records import ExportedModel

__all__ = ["ExportedModel", "export_model"]
