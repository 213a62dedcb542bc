"""A year of a shop in minutes: the real journal and actions, the real files, a platform that judges every one."""
