"""PostgreSQL: journal, record and registry in one database, for any number of receivers and deliverers."""
