"""Azure Storage: tables and queues."""
