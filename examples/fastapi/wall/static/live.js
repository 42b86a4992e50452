// Shows messages as they come, without reloading.
const list = document.getElementById('messages');

new EventSource('/events').onmessage = (event) => {
  const message = JSON.parse(event.data);
  const item = document.createElement('li');
  const name = document.createElement('strong');
  const time = document.createElement('time');
  const text = document.createElement('p');
  name.textContent = message.name;
  time.dateTime = time.textContent = message.written_at;
  text.textContent = message.text;
  item.append(name, ' ', time, text);
  list.prepend(item);
};
