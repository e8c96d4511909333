"""Files -> columns: CSV and Parquet, any dialect, every row with its line."""
