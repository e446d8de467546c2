"""Field tables of the messages: TensorFlow's names and numbers, one file per domain.

A message is a text with one field per line: number, name, type. ``type*`` is a repeated field, ``map<key,value>`` a
map, and ``@name`` puts the field into the oneof of that name. Types are protobuf's own, or messages and enums of these
tables; the dot in a name nests. Nothing here imports the protobuf package.
"""

from __future__ import annotations

from holdfast.protos.tables import checkpoint, cluster, config, graph, meta_graph, stats, values

__all__ = ["ENUMS", "MESSAGES"]

_DOMAINS = (values, graph, config, cluster, stats, meta_graph, checkpoint)

ENUMS = {name: values for domain in _DOMAINS for name, values in domain.ENUMS.items()}
"""Enum name -> value name -> number."""

MESSAGES = {name: fields for domain in _DOMAINS for name, fields in domain.MESSAGES.items()}
"""Message name -> its fields."""
