"""Airflow transfers of the Braze provider."""
