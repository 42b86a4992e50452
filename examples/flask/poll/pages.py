import csv
import io

from flask import Blueprint, Response, flash, jsonify, redirect, render_template, session, stream_with_context, url_for
from flask_wtf import FlaskForm
from wtforms import RadioField, StringField
from wtforms.validators import Length, Optional

from poll import database

blueprint = Blueprint("poll", __name__)


class VoteForm(FlaskForm):
    place = RadioField("Where shall we eat?", coerce=int, validators=[Optional()])
    other = StringField("Somewhere else", validators=[Optional(), Length(max=60)], filters=[lambda text: (text or "").strip()])


@blueprint.get("/")
def index():
    return page(vote_form())


@blueprint.post("/")
def vote():
    form = vote_form()
    if "voted_for" in session:
        flash("You have voted already.")
        return redirect(url_for("poll.index"))
    if not form.validate_on_submit():
        return page(form), 422
    place_id = database.add_place(form.other.data) if form.other.data else form.place.data
    if place_id is None:
        form.place.errors = ["Choose a place, or name another."]
        return page(form), 422
    database.add_vote(place_id)
    session["voted_for"] = place_id
    flash(f"Your vote for {database.place(place_id)['name']} is counted.")
    return redirect(url_for("poll.index"))


@blueprint.get("/results.json")
def results_json():
    return jsonify([dict(row) for row in database.results()])


@blueprint.get("/votes.csv")
def votes_csv():
    """One line per vote, sent as it is read."""
    return Response(stream_with_context(csv_lines()), mimetype="text/csv")


def csv_lines():
    yield "place,cast at\r\n"
    for row in database.votes():
        line = io.StringIO()
        csv.writer(line).writerow(row)
        yield line.getvalue()


def vote_form() -> VoteForm:
    form = VoteForm()
    form.place.choices = [(row["id"], row["name"]) for row in database.results()]
    return form


def page(form: VoteForm) -> str:
    voted_for = session.get("voted_for")
    return render_template(
        "index.html", form=form, results=database.results(), yours=voted_for and database.place(voted_for)
    )
