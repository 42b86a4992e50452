from django.urls import path

from todo import views

urlpatterns = [
    path("", views.tasks, name="tasks"),
    path("tasks/<int:pk>/toggle", views.toggle, name="toggle"),
    path("tasks.json", views.tasks_json, name="tasks-json"),
    path("tasks.csv", views.tasks_csv, name="tasks-csv"),
    path("accounts/signup/", views.signup, name="signup"),
]
