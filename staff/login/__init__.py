"""Staff's login: password, second factor, sessions. Everything under /admin/ that is not the admin itself.

django-allauth does the ceremonies; what it leaves open is decided here: nobody signs up, no mail resets
anything, and middleware.py lets nobody without a second factor past the pages that make one.
"""
