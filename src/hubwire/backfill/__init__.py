"""Imports history: reads files and databases, estimates the cost, and resumes after a stop."""
