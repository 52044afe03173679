"""Log lines on standard error.

Law: messages name links, seqs, sizes and reasons; payloads, tokens and passwords are never given to a logger, at any level.
"""

from __future__ import annotations

import logging
import sys
import time
from typing import Any

from wire import jsontext


class TextLines(logging.Formatter):
    """One line a record, for people."""

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        line = f"{stamp}.{int(record.msecs):03d}Z {record.levelname.lower():8} {record.name}: {record.getMessage()}"
        return f"{line}\n{self.formatException(record.exc_info)}" if record.exc_info else line


class JsonLines(logging.Formatter):
    """One JSON object a record, for machines; a line of ``adapters.event_log`` with the name of its event and its fields."""

    def format(self, record: logging.LogRecord) -> str:
        """The object."""
        entry: dict[str, Any] = {
            "time": f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(record.created))}.{int(record.msecs):03d}Z",
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if hasattr(record, "event"):
            entry["event"] = record.event
            entry["fields"] = getattr(record, "fields", {})
        if record.exc_info:
            entry["exception"] = self.formatException(record.exc_info)
        return jsontext.encode(entry).decode()


def set_up_logs(level: str, form: str) -> None:
    """Log from *level* up to standard error.  Other libraries speak from warning up: some of them show headers and frames below that."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines() if form == "json" else TextLines())
    logging.root.handlers = [handler]
    logging.root.setLevel(logging.WARNING)
    logging.getLogger("stationd").setLevel(level.upper())
