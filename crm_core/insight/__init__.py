"""The read side: the filter language, pages of rows, records, metrics."""
