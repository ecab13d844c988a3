"""One signed-in request, for admin API and console alike: access, roles, parameters, masking."""
