"""What an Airflow task has and reports: arguments, window, errors, asset events, lineage and metrics."""
