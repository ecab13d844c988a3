"""The pages, one module per family: the context that its template is fed, how it is read, and the changes it makes."""
