from django.urls import path

from petitions import views

urlpatterns = [
    path("c/<slug:slug>/updates/", views.updates, name="updates"),
    path("c/<slug:slug>/updates/<slug:update_slug>/", views.update, name="update"),
    path("d/<slug:slug>/", views.dossier, name="dossier"),
]
