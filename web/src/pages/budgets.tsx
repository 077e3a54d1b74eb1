export function Budgets() { return <p class="empty">Not built yet.</p>; }
