"""Airflow triggers of the Braze provider."""
