/** What the bundler makes of a style sheet is no value of ours. */
declare module '*.css'
