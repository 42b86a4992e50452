import csv

from django.contrib import messages
from django.contrib.auth import login
from django.contrib.auth.decorators import login_required
from django.contrib.auth.forms import UserCreationForm
from django.http import JsonResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST, require_safe

from todo.forms import TaskForm


@login_required
def tasks(request):
    form = TaskForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        form.instance.owner = request.user
        task = form.save()
        messages.success(request, f"“{task}” is on your list.")
        return redirect("tasks")
    status = 422 if form.errors else 200
    return render(request, "todo/tasks.html", {"form": form, "tasks": request.user.tasks.all()}, status=status)


@login_required
@require_POST
def toggle(request, pk):
    task = get_object_or_404(request.user.tasks, pk=pk)
    task.done = not task.done
    task.save()
    messages.success(request, f"“{task}” is {'done' if task.done else 'to be done again'}.")
    return redirect("tasks")


@login_required
@require_safe
def tasks_json(request):
    fields = request.user.tasks.values("id", "title", "done", "created_at")
    return JsonResponse({"owner": request.user.get_username(), "tasks": list(fields)})


@login_required
@require_safe
def tasks_csv(request):
    """One line per task, sent as it is read."""
    writer = csv.writer(Line())
    rows = request.user.tasks.order_by("id").values_list("title", "done").iterator()
    lines = (writer.writerow(row) for row in [("title", "done"), *rows])
    return StreamingHttpResponse(lines, content_type="text/csv")


class Line:
    """What csv.writer writes to: each line comes back from writerow."""

    def write(self, line):
        return line


def signup(request):
    form = UserCreationForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        login(request, form.save())
        messages.success(request, "Welcome. Your list is empty.")
        return redirect("tasks")
    return render(request, "registration/signup.html", {"form": form}, status=422 if form.errors else 200)
