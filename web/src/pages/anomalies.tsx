export function Anomalies() { return <p class="empty">Not built yet.</p>; }
