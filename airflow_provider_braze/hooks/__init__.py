"""Airflow hooks of the Braze provider."""
