"""Adapting a network to photos without HR."""
