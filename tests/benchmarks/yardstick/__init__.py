"""What a Django newcomer would write: `startproject` with its default middleware, a model, a form, one create()."""
