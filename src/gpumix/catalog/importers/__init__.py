"""Price files of other tools -> offers: one file a format, one way from quotes to a sheet."""
