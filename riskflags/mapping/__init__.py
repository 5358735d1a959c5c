"""Mapping files: how the extracts of one system become records, said in YAML and checked before a row is read."""

from riskflags.mapping.load import ShippedMapping, load_mapping, mappings
from riskflags.mapping.model import FileMapping

__all__ = ["FileMapping", "ShippedMapping", "load_mapping", "mappings"]
