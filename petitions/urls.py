from django.urls import path, re_path

from petitions import views

urlpatterns = [
    re_path(
        r"^media/(?P<name>[0-9a-f]{24}/(?:wide|square|whole)-\d{2,4}\.(?:avif|webp|jpg))$", views.picture, name="media"
    ),
    path("c/<slug:slug>/updates/", views.updates, name="updates"),
    path("c/<slug:slug>/updates/<slug:update_slug>/", views.update, name="update"),
    path("d/<slug:slug>/", views.dossier, name="dossier"),
]
