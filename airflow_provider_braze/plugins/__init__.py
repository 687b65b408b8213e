"""Airflow plugins of the Braze provider."""
