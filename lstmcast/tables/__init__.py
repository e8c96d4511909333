"""Files -> columns: CSV in any dialect and Parquet, with the line number of each row."""
