// Shows readings as they come, without reloading.
const table = document.getElementById('readings');

new EventSource('/events').onmessage = (event) => {
  const { readAt, place, celsius } = JSON.parse(event.data);
  const row = table.insertRow(0);
  for (const text of [readAt, place, celsius]) row.insertCell().textContent = text;
};
