"""Pairs made from one image."""
