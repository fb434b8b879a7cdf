"""REST's addresses of the verbs: what each is asked, what answers it, what carries it."""
