"""Trainers, and what follows a training along."""
