class EntriesController < ApplicationController
  before_action :load_entries, only: :index

  def index
    respond_to do |format|
      format.html { @entry = Entry.new(name: session[:name]) }
      format.json { render json: @entries.as_json(only: %i[id name message created_at]) }
      format.csv { stream_csv }
    end
  end

  def create
    @entry = Entry.new(entry_params)
    if @entry.save
      session[:name] = @entry.name
      session[:written] = (session[:written] || []).push(@entry.id).last(50)
      redirect_to root_path, notice: "Thank you, #{@entry.name}. Your entry is in the book."
    else
      load_entries
      render :index, status: :unprocessable_entity
    end
  end

  def destroy
    entry = Entry.where(id: session[:written]).find(params[:id])
    entry.destroy
    redirect_to root_path, notice: "Your entry is gone."
  end

  private

  def load_entries
    @entries = Entry.newest_first.limit(50)
  end

  def stream_csv
    headers["Content-Disposition"] = %(attachment; filename="guestbook.csv")
    # Without a validator of its own, Rack::ETag would collect the whole body first.
    headers["Last-Modified"] = Time.now.httpdate
    self.content_type = "text/csv"
    self.response_body = Entry.csv_lines
  end

  def entry_params
    params.require(:entry).permit(:name, :message)
  end
end
