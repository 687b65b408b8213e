"""What an Airflow task brings and reports: arguments, window, errors, asset events, lineage and metrics."""
