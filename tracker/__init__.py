"""The tracker decides what it means: storage, comparison, stages, topics, pages."""

__version__ = "0.1.0"
