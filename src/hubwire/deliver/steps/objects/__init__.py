"""The steps for records of any object type but contact and company, and for associations between any two records."""
