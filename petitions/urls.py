from django.urls import path, re_path

from petitions import views
from petitions.routes import BRAND, PICTURE, ROUTES, STANDING

media = re_path(PICTURE, views.picture, name="media")
brand = re_path(BRAND, views.brand, name="brand")
urlpatterns = [
    media,
    brand,
    path(ROUTES["updates"], views.updates, name="updates"),
    path(ROUTES["update"], views.update, name="update"),
    path(ROUTES["dossier"], views.dossier, name="dossier"),
    re_path(STANDING, views.standing, name="standing"),
    path(ROUTES["versions"], views.versions, name="versions"),
    path(ROUTES["text"], views.text, name="text"),
]
