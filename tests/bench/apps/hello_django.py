import django
from django.conf import settings
from django.core.handlers.wsgi import WSGIHandler
from django.http import HttpResponse
from django.urls import path

settings.configure(
    ALLOWED_HOSTS=["*"],
    MIDDLEWARE=["django.middleware.common.CommonMiddleware", "django.middleware.clickjacking.XFrameOptionsMiddleware"],
    ROOT_URLCONF=__name__,
    SECRET_KEY="only for the bench",
)


def hello(request):
    return HttpResponse("Hello, World!", content_type="text/plain")


urlpatterns = [path("", hello)]
django.setup()
app = WSGIHandler()
