"""Airflow sensors of the Braze provider."""
