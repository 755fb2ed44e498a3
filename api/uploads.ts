/** What whoever uploads must know beside the table: tus has its own addresses. */

/** Where uploads are begun; each then has an address of its own below. */
export const uploadsPath = '/api/uploads'
/** Files of one dataset that is made so. */
export const uploadedFilesMax = 10_000
