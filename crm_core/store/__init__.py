"""The database: tables, exact types, sessions, bulk upsert, rollups, migrations. Knows no Magento."""
